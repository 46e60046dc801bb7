"""Pictures of dancers: skeletons and the avatar."""
