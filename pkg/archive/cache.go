package archive

import (
	"container/list"
	"sync"
)

// cache keeps loaded values up to a total cost, the last used ones. A value that several
// goroutines ask for at once is loaded once; an error is returned to all of them and is not
// kept, so that a passing fault is not remembered.
type cache[V any] struct {
	limit int64
	load  func(int64) (V, int64, error) // value and cost

	mu    sync.Mutex
	items map[int64]*item[V]
	used  list.List // of *item, the last used in front
	cost  int64
}

type item[V any] struct {
	key   int64
	ready chan struct{}
	value V
	cost  int64
	err   error
	place *list.Element // nil until loaded
}

func newCache[V any](limit int64, load func(int64) (V, int64, error)) *cache[V] {
	return &cache[V]{limit: limit, load: load, items: map[int64]*item[V]{}}
}

func (c *cache[V]) get(key int64) (V, error) {
	c.mu.Lock()
	it, ok := c.items[key]
	if ok {
		if it.place != nil {
			c.used.MoveToFront(it.place)
		}
		c.mu.Unlock()
		<-it.ready
		return it.value, it.err
	}
	it = &item[V]{key: key, ready: make(chan struct{})}
	c.items[key] = it
	c.mu.Unlock()

	it.value, it.cost, it.err = c.load(key)
	close(it.ready)

	c.mu.Lock()
	defer c.mu.Unlock()
	if it.err != nil {
		delete(c.items, key)
		return it.value, it.err
	}
	it.place = c.used.PushFront(it)
	c.cost += it.cost
	for c.cost > c.limit && c.used.Len() > 1 {
		old := c.used.Remove(c.used.Back()).(*item[V])
		delete(c.items, old.key)
		c.cost -= old.cost
	}
	return it.value, nil
}
