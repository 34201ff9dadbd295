"""Jobs: many writes that a person agrees to once, done one after the other and answered thing by thing."""
