package archive

import (
	"container/list"
	"sync"
)

// cache keeps loaded values up to a total cost, the last used ones. A value that several
// goroutines ask for at once is loaded once; an error is returned to all of them and is not
// kept, so that a passing fault is not remembered.
type cache[K comparable, V any] struct {
	limit int64
	load  func(K) (V, int64, error) // value and cost
	free  func(V)                   // takes a value back that nobody uses any more; may be nil

	mu    sync.Mutex
	items map[K]*item[K, V]
	used  list.List // of *item, the last used in front
	cost  int64
}

type item[K comparable, V any] struct {
	key   K
	ready chan struct{}
	value V
	cost  int64
	err   error
	place *list.Element // nil until loaded, and when evicted
	users int
	gone  bool // evicted
}

func newCache[K comparable, V any](limit int64, load func(K) (V, int64, error), free func(V)) *cache[K, V] {
	return &cache[K, V]{limit: limit, load: load, free: free, items: map[K]*item[K, V]{}}
}

// get returns a value, which stays valid until the item is given back to put.
func (c *cache[K, V]) get(key K) (*item[K, V], error) {
	c.mu.Lock()
	it, ok := c.items[key]
	if ok {
		it.users++
		if it.place != nil {
			c.used.MoveToFront(it.place)
		}
		c.mu.Unlock()
		<-it.ready
		return it, it.err
	}
	it = &item[K, V]{key: key, ready: make(chan struct{}), users: 1}
	c.items[key] = it
	c.mu.Unlock()

	it.value, it.cost, it.err = c.load(key)

	c.mu.Lock()
	defer c.mu.Unlock()
	close(it.ready)
	if it.err != nil {
		delete(c.items, key)
		return it, it.err
	}
	it.place = c.used.PushFront(it)
	c.cost += it.cost
	for c.cost > c.limit && c.used.Len() > 1 {
		c.evict(c.used.Back())
	}
	return it, nil
}

func (c *cache[K, V]) evict(place *list.Element) {
	old := c.used.Remove(place).(*item[K, V])
	delete(c.items, old.key)
	c.cost -= old.cost
	old.place, old.gone = nil, true
	c.recycle(old)
}

// put gives back an item from get. nil does nothing.
func (c *cache[K, V]) put(it *item[K, V]) {
	if it == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	it.users--
	c.recycle(it)
}

func (c *cache[K, V]) recycle(it *item[K, V]) {
	if it.gone && it.users == 0 && c.free != nil {
		c.free(it.value)
	}
}

// value returns a value that is never reused, so that it need not be given back.
func (c *cache[K, V]) value(key K) (V, error) {
	it, err := c.get(key)
	c.put(it)
	return it.value, err
}
