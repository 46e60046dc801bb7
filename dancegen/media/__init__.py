"""Reading and writing of video and audio files, and marks of files that dancegen wrote."""
