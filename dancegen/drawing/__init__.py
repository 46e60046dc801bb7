"""Drawing of dancers: skeletons and the avatar."""
