package campaign

import (
	"fmt"
	"strings"
)

// summary counts the outcomes of a campaign.
type summary struct {
	kinds, faults table
	all           row
}

// table has a row for each name, in the order of first appearance.
type table struct {
	names []string
	rows  map[string]*row
}

type row struct {
	tried, unchanged, found, tolerated, failed, wrong int

	saved, short, content int64
}

func (s *summary) add(o *outcome) {
	for _, r := range []*row{s.kinds.row(o.kind), s.faults.row(o.fault), &s.all} {
		r.add(o)
	}
}

func (t *table) row(name string) *row {
	if t.rows == nil {
		t.rows = map[string]*row{}
	}
	if t.rows[name] == nil {
		t.names = append(t.names, name)
		t.rows[name] = &row{}
	}
	return t.rows[name]
}

func (r *row) add(o *outcome) {
	r.tried++
	if o.err != nil {
		r.failed++
		if o.wrong() {
			r.wrong++
		}
		return
	}
	r.saved += o.bytes
	r.short += o.short
	r.content += o.content
	switch o.verdict {
	case unchanged:
		r.unchanged++
	case found:
		r.found++
	case tolerated:
		r.tolerated++
	}
}

// markdown returns tables by kind and by fault.
func (s *summary) markdown() string {
	var b strings.Builder
	for _, part := range []struct {
		head string
		t    *table
	}{{"archive", &s.kinds}, {"fault", &s.faults}} {
		fmt.Fprintf(&b, "| %s | tried | no change | found | tolerated | promise broken | wrong bytes | salvaged | lost unhit |\n", part.head)
		fmt.Fprintln(&b, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
		for _, name := range part.t.names {
			part.t.rows[name].write(&b, name)
		}
		s.all.write(&b, "all")
		fmt.Fprintln(&b)
	}
	return b.String()
}

func (r *row) write(b *strings.Builder, name string) {
	share := func(n int64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(r.content, 1))) }
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %s | %s |\n", name,
		r.tried, r.unchanged, r.found, r.tolerated, r.failed, r.wrong, share(r.saved), share(r.short))
}
