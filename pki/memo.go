package pki

import "sync"

// memo makes a value once for each key, and lets different keys be made side by side.
type memo[T any] struct {
	mu   sync.Mutex
	made map[string]func() (T, error)
}

func (m *memo[T]) get(key string, produce func() (T, error)) (T, error) {
	m.mu.Lock()
	if m.made == nil {
		m.made = map[string]func() (T, error){}
	}
	once, ok := m.made[key]
	if !ok {
		once = sync.OnceValues(produce)
		m.made[key] = once
	}
	m.mu.Unlock()
	return once()
}
