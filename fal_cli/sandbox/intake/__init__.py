"""What happens to a request before it is served: who asks, what, and which fault was ordered."""
