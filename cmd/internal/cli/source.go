package cli

import "hexz/pkg/stage"

// Source returns the file at path as a stream. The file is opened when the stream is read; see
// inputLater.
func (e *Env) Source(name, path string) (stage.Source, error) {
	open, size, err := e.inputLater(path)
	if err != nil {
		return stage.Source{}, err
	}
	return stage.LaterSource(name, size, func() (stage.Source, error) {
		f, err := open()
		if err != nil {
			return stage.Source{}, err
		}
		src, err := stage.FileSource(name, f)
		if err != nil {
			f.Close()
			return stage.Source{}, err
		}
		return src.Closing(func() { f.Close() }), nil
	}), nil
}
