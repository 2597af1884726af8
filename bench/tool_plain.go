package main

// Tools that make one file.

// compressor is zstd or lz4.
type compressor struct {
	store
	pack, restore, test []string
}

func newZstd(dir store) Tool {
	return &compressor{dir, words("zstd -q -T0 -3 -c"), words("zstd -q -dc"), words("zstd -q -t")}
}

func newLz4(dir store) Tool {
	return &compressor{dir, words("lz4 -q -1 -c"), words("lz4 -q -dc"), words("lz4 -q -t")}
}

// with returns a command with more arguments.
func with(argv []string, more ...string) Command {
	return command(append(argv[:len(argv):len(argv)], more...)...)
}

func (c Command) to(file string) Command {
	c.Stdout = file
	return c
}

func (c Command) from(file string) Command {
	c.Stdin = file
	return c
}

func (t *compressor) Pack(v Version) Command { return with(t.pack, v.File).to(t.data(v.Name)) }

func (t *compressor) Restore(v Version, target string) Command {
	return with(t.restore, t.data(v.Name)).to(target)
}

func (t *compressor) Verify() Command { return with(t.test, t.data(first)) }

// patchZstd makes a patch of each later version. To restore that, it needs the file of the base.
type patchZstd struct {
	store
	bases map[string]string
}

func newPatchZstd(dir store) Tool { return &patchZstd{dir, map[string]string{}} }

func (t *patchZstd) Pack(v Version) Command {
	return command("zstd", "-q", "-T0", "--long=31", v.File, "-o", t.data(v.Name))
}

func (t *patchZstd) Next(v, base Version) Command {
	t.bases[v.Name] = base.File
	return with(t.Pack(v).Stages[0], "--patch-from="+base.File)
}

func (t *patchZstd) Restore(v Version, target string) Command {
	c := command("zstd", "-q", "-dc", "--long=31", t.data(v.Name)).to(target)
	if base, ok := t.bases[v.Name]; ok {
		c.Stages[0] = append(c.Stages[0], "--patch-from="+base)
	}
	return c
}

// qcow2 is an image that qemu-img makes.
type qcow2 struct{ store }

func newQcow2(dir store) Tool { return &qcow2{dir} }

func (t *qcow2) Pack(v Version) Command {
	return with(words("qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd"), v.File, t.data(v.Name))
}

func (t *qcow2) Restore(v Version, target string) Command {
	return with(words("qemu-img convert -f qcow2 -O raw"), t.data(v.Name), target)
}

// squashfs is a file system with one file, which has the name that it had.
type squashfs struct {
	store
	options []string
}

func squashfsKind(options ...string) Kind {
	return Kind{Name: "squashfs", Needs: "mksquashfs", ToFile: true, Open: func(dir store) Tool { return &squashfs{dir, options} }}
}

func (t *squashfs) Pack(v Version) Command {
	return with([]string{"mksquashfs", v.File, t.data(v.Name), "-quiet", "-no-progress"}, t.options...)
}

func (t *squashfs) Restore(v Version, target string) Command {
	return viaDirectory(target, command("unsquashfs", "-n", "-d", target+".d", t.data(v.Name)))
}

func (t *squashfs) Salvage(v Version, target string) Command {
	return viaDirectory(target, command("unsquashfs", "-n", "-ignore-errors", "-d", target+".d", t.data(v.Name)))
}

func (t *squashfs) Verify() Command { return t.Restore(Version{Name: first}, t.beside("checked")) }

// viaDirectory moves the file that a command restores to the directory target.d to target.
func viaDirectory(target string, c Command) Command {
	const script = `"$@"; code=$?; mv "$0.d"/* "$0"; rm -rf "$0.d"; exit $code`
	c.Stages = [][]string{append([]string{"sh", "-c", script, target}, c.Stages[0]...)}
	return c
}

// rust is another program of the name hexz. It packs a directory.
type rust struct{ store }

func newRust(dir store) Tool { return &rust{dir} }

func (t *rust) packed(v Version, options ...string) Command {
	const script = `mkdir -p "$0" && ln -f "$1" "$0/content" && shift && exec hexz pack "$0" "$@" --compression zstd`
	return command(append([]string{"sh", "-c", script, t.beside(v.Name), v.File, t.data(v.Name)}, options...)...)
}

func (t *rust) Pack(v Version) Command       { return t.packed(v) }
func (t *rust) Next(v, base Version) Command { return t.packed(v, "--base", t.data(base.Name)) }

func (t *rust) Restore(v Version, target string) Command {
	return viaDirectory(target, command("hexz", "extract", t.data(v.Name), target+".d"))
}
