package archive

import "sync"

// purpose is why a node is read.
type purpose int

const (
	reading purpose = iota
	locating
	planning
	writing
	expanding
	checking
	needing
)

// nodeFault is a place in a parent from which nothing of a node could be read.
type nodeFault struct {
	r      *Reader
	why    purpose
	level  uint8
	stream uint16
	offset int64
}

// nodeFaults remembers during a read what is lost. A node within a node may be lost as well. If each
// of these had two copies, it would be read twice as often with each step down, and archives that
// serve as their own parents have as many steps as there are levels.
type nodeFaults struct {
	mu   sync.Mutex
	lost map[nodeFault]error
}

// skip returns the error that f had before. Otherwise it calls read. An error is remembered if read
// got nowhere, and the error does not pass.
func (n *nodeFaults) skip(f nodeFault, read func() (stuck bool, err error)) error {
	n.mu.Lock()
	err := n.lost[f]
	n.mu.Unlock()
	if err != nil {
		return err
	}
	stuck, err := read()
	if err != nil && stuck && IsLost(err) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.lost == nil {
			n.lost = map[nodeFault]error{}
		}
		n.lost[f] = err
	}
	return err
}

// forget is called at the end of a read: a fault may be mended until the next one.
func (n *nodeFaults) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.lost)
}
