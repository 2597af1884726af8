package cache

import (
	"container/list"
	"sync"
)

// Cache keeps the values that were used last, up to a total cost. A value that several goroutines
// ask for at once is loaded once. An error is returned to all of them and is not kept, so that a
// passing fault is not remembered.
type Cache[K comparable, V any] struct {
	limit int64
	load  func(K) (V, int64, error) // value and cost
	free  func(V)                   // called with an evicted value that has no users; may be nil

	mu    sync.Mutex
	Items map[K]*Item[K, V]
	used  list.List // of *Item, the last used first
	cost  int64
}

type Item[K comparable, V any] struct {
	Key   K
	ready chan struct{}
	Value V
	Cost  int64
	err   error
	place *list.Element // nil until loaded, and when evicted
	Users int
	gone  bool // evicted
}

func NewCache[K comparable, V any](limit int64, load func(K) (V, int64, error), free func(V)) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, load: load, free: free, Items: map[K]*Item[K, V]{}}
}

// Get returns an item, whose value stays valid until the item is given back by Put.
func (c *Cache[K, V]) Get(key K) (*Item[K, V], error) {
	c.mu.Lock()
	it, ok := c.Items[key]
	if ok {
		it.Users++
		if it.place != nil {
			c.used.MoveToFront(it.place)
		}
		c.mu.Unlock()
		<-it.ready
		return it, it.err
	}
	it = &Item[K, V]{Key: key, ready: make(chan struct{}), Users: 1}
	c.Items[key] = it
	c.mu.Unlock()

	it.Value, it.Cost, it.err = c.load(key)

	c.mu.Lock()
	defer c.mu.Unlock()
	close(it.ready)
	if it.err != nil {
		delete(c.Items, key)
		return it, it.err
	}
	it.place = c.used.PushFront(it)
	c.cost += it.Cost
	for c.cost > c.limit && c.used.Len() > 1 {
		c.evict(c.used.Back())
	}
	return it, nil
}

func (c *Cache[K, V]) evict(place *list.Element) {
	old := c.used.Remove(place).(*Item[K, V])
	delete(c.Items, old.Key)
	c.cost -= old.Cost
	old.place, old.gone = nil, true
	c.recycle(old)
}

// Put gives back an item from Get. Put of nil does nothing.
func (c *Cache[K, V]) Put(it *Item[K, V]) {
	if it == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	it.Users--
	c.recycle(it)
}

func (c *Cache[K, V]) recycle(it *Item[K, V]) {
	if it.gone && it.Users == 0 && c.free != nil {
		c.free(it.Value)
	}
}

// Value is Get for a cache that reuses no values, so that the value need not be given back.
func (c *Cache[K, V]) Value(key K) (V, error) {
	it, err := c.Get(key)
	c.Put(it)
	return it.Value, err
}
