"""What any numerical package needs, and nothing about diffusion."""
