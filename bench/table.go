package main

import (
	"fmt"
	"strings"
)

// table is one in Markdown.
type table struct {
	head  []string
	align string // a letter for each column, l or r; r for those without
	rows  [][]string
}

// add adds a row. Cells that are not given are empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, append(cells, make([]string, len(t.head)-len(cells))...))
}

func (t *table) String() string {
	var b strings.Builder
	line(&b, t.head)
	rule := make([]string, len(t.head))
	for i := range rule {
		rule[i] = "---:"
		if i < len(t.align) && t.align[i] == 'l' {
			rule[i] = "---"
		}
	}
	line(&b, rule)
	for _, row := range t.rows {
		line(&b, row)
	}
	return b.String()
}

func line(b *strings.Builder, cells []string) {
	b.WriteString("|")
	for _, c := range cells {
		b.WriteString(" ")
		if c = clean(c); c != "" {
			b.WriteString(c + " ")
		}
		b.WriteString("|")
	}
	b.WriteString("\n")
}

// clean returns a text as it can stand in a cell.
func clean(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "|", `\|`)), " ")
}

// spread tells the median, with the least and the most if there are several values.
func spread(values []float64, form string) string {
	switch len(values) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf(form, values[0])
	}
	return fmt.Sprintf(form+" ("+form+"–"+form+")", median(values), percentile(values, 0), percentile(values, 100))
}

// number tells a value; 0 is none.
func number(v float64, form string) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf(form, v)
}
