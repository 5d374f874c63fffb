"""The lecture as one report: its chapters' scripts are run, and what they leave is put on one page.

`chapters` finds the scripts, `settings` says how they are run, `runner` runs them, `outcome` reads what each has left,
and `page` writes the report. The command is `python -m tinygrad_course lecture`.
"""
