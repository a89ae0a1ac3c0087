package gate

// Gates is how many gates are known.
func (r *Registry) Gates() int { return len(r.all()) }
