"""How good `tc.testing.gradcheck` is: false alarms where gradients are right, and what it makes of planted bugs."""
