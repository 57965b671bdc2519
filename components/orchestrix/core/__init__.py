"""The documented ``orchestrix.core`` import paths; the objects live in the bricks."""
