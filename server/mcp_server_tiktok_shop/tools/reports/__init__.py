"""Reports over the local copy: what is asked, how far the copy reaches, what is answered."""
