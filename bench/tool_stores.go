package main

import (
	"os"
	"slices"
)

// Tools that keep versions in a repository, where they find duplicates: Pack and Next are the same.

// casync is casync, or desync, which is another program with the same stores: an index of each version,
// and a directory of chunks.
type casync struct {
	store
	program string
}

func casyncKind(program string) Kind {
	return Kind{Name: program, How: "make, index of a blob, and store", Needs: program, Dedup: true, Slow: true, ToFile: true,
		Open: func(dir store) Tool { return &casync{dir, program} }}
}

func (t *casync) chunks() string { return t.data("chunks.castr") }

func (t *casync) Fresh(r *Runner) {
	t.store.Fresh(r)
	check(os.Mkdir(t.chunks(), 0o777))
}

func (t *casync) Pack(v Version) Command {
	return command(t.program, "make", "--store="+t.chunks(), t.data(v.Name+".caibx"), v.File)
}

func (t *casync) Next(v, _ Version) Command { return t.Pack(v) }

func (t *casync) Restore(v Version, target string) Command {
	return command(t.program, "extract", "--store="+t.chunks(), t.data(v.Name+".caibx"), target)
}

func (t *casync) Verify() Command {
	if t.program == "casync" {
		return Command{} // it has no command for that
	}
	return command(t.program, "verify", "--store="+t.chunks())
}

// restic encrypts; it cannot do without.
type restic struct{ store }

func resticKind() Kind {
	return Kind{Name: "restic", How: "backup --stdin, encrypted, zstd", Needs: "restic", Dedup: true, Slow: true,
		Open: func(dir store) Tool { return &restic{dir} }}
}

func (t *restic) command(args ...string) Command {
	c := command(slices.Concat(words("restic -q --repo"), []string{t.data(""), "--cache-dir", t.beside("cache")}, args)...)
	c.Env = []string{"RESTIC_PASSWORD=bench"}
	return c
}

func (t *restic) Fresh(r *Runner) {
	t.store.Fresh(r)
	r.Output(t.command("init"))
}

func (t *restic) Pack(v Version) Command {
	return t.command("backup", "--stdin", "--stdin-filename", v.Name).from(v.File)
}

func (t *restic) Next(v, _ Version) Command { return t.Pack(v) }

func (t *restic) Restore(v Version, target string) Command {
	return t.command("dump", "--path", "/"+v.Name, "latest", v.Name).to(target)
}

// Salvage does not dump, as that ends at the first error.
func (t *restic) Salvage(v Version, target string) Command {
	return viaDirectory(target, t.command("restore", "--path", "/"+v.Name, "latest", "--target", target+".d"))
}

func (t *restic) Verify() Command { return t.command("check", "--read-data") }

type borg struct{ store }

func borgKind(name string) Kind {
	return Kind{Name: name, How: "create from stdin, lz4, no encryption", Needs: "borg", Dedup: true, Slow: true,
		Open: func(dir store) Tool { return &borg{dir} }}
}

func (t *borg) command(args ...string) Command {
	c := with([]string{"borg"}, args...)
	c.Env = []string{"BORG_BASE_DIR=" + t.beside("base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes",
		"BORG_RELOCATED_REPO_ACCESS_IS_OK=yes", "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING=YES"}
	return c
}

func (t *borg) at(name string) string { return t.data("") + "::" + name }

func (t *borg) Fresh(r *Runner) {
	t.store.Fresh(r)
	r.Output(t.command("init", "-e", "none", t.data("")))
}

func (t *borg) Pack(v Version) Command {
	return t.command("create", "-C", "lz4", t.at(v.Name), "-").from(v.File)
}

func (t *borg) Next(v, _ Version) Command { return t.Pack(v) }

func (t *borg) Restore(v Version, target string) Command {
	return t.command("extract", "--stdout", t.at(v.Name)).to(target)
}

func (t *borg) Salvage(v Version, target string) Command {
	c := t.command("check", "--repair", t.data("")).to(target)
	c.Stages[0] = append([]string{"sh", "-c", `"$@" >&2; exec borg extract --stdout "$0"`, t.at(v.Name)}, c.Stages[0]...)
	return c
}

func (t *borg) Verify() Command { return t.command("check", "--verify-data", t.data("")) }
