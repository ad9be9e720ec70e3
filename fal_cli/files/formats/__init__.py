"""What the bytes of a media file say of it, a module for each family of formats; `files.facts` asks them."""
