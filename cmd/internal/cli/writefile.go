package cli

// File is a small file that is to be written.
type File struct {
	Path string
	Text []byte
}

// WriteFiles writes files as -o does. Each appears when all are complete, and replaces the file of
// its name, unless that file is an input.
func (e *Env) WriteFiles(files ...File) error {
	var outputs []*Output
	for _, f := range files {
		o, err := e.open(f.Path)
		if err != nil {
			return err
		}
		outputs = append(outputs, o)
		if _, err := o.Write(f.Text); err != nil {
			return err
		}
	}
	for _, o := range outputs {
		if err := o.Commit(); err != nil {
			return err
		}
	}
	return nil
}
