package auth

// Cached is how many users a remembers.
func Cached(a *Authenticator) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.known)
}
