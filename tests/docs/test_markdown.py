from docs.markdown import table


def test_a_pipe_in_a_cell_does_not_break_the_table() -> None:
    assert table(["h"], [["a|b"]]).splitlines()[-1] == "| a\\|b |"
