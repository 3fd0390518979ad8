package auth

import "container/list"

// table is a map of bounded size: the entry that was not used for longest goes first.
type table[K comparable, V any] struct {
	size    int
	entries map[K]*list.Element
	order   *list.List // of *entry[K, V], newest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newTable[K comparable, V any](size int) *table[K, V] {
	return &table[K, V]{size: size, entries: map[K]*list.Element{}, order: list.New()}
}

func (t *table[K, V]) get(k K) (v V, ok bool) {
	e, ok := t.entries[k]
	if !ok {
		return v, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

func (t *table[K, V]) put(k K, v V) {
	if e, ok := t.entries[k]; ok {
		e.Value.(*entry[K, V]).value = v
		t.order.MoveToFront(e)
		return
	}
	t.entries[k] = t.order.PushFront(&entry[K, V]{k, v})
	if len(t.entries) > t.size {
		t.drop(t.order.Back().Value.(*entry[K, V]).key)
	}
}

func (t *table[K, V]) drop(k K) {
	if e, ok := t.entries[k]; ok {
		t.order.Remove(e)
		delete(t.entries, k)
	}
}
