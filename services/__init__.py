"""What is measured: the same Falcon endpoints under every common way to keep a user logged in."""
