"""What a loop program is written in: values, instructions, loops, and the emitter that writes them."""
