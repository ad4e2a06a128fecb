"""A scheme of one's own for authbench: opaque access tokens, introspected at an authorization server."""
