"""What goes over the wire, held to tables typed by hand and to an independent verifier."""

import pytest

# Its assertions should show both sides when they fail, as those of a test module do.
pytest.register_assert_rewrite(f"{__name__}.checks")
