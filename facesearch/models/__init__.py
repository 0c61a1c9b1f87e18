"""Models: what finds faces and what embeds them, under one pair of protocols."""
