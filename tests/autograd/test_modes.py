"""no_grad and its kin: as context managers, decorators and calls."""

import pytest

import tinygrad_course as tc


def recorded():
    x = tc.tensor([1.0], requires_grad=True)
    return (x * 2.0).requires_grad


@pytest.mark.parametrize("mode", [tc.no_grad, tc.inference_mode])
def test_nothing_is_recorded_inside(mode):
    with mode():
        assert not recorded() and not tc.is_grad_enabled()
        with tc.enable_grad():
            assert recorded()
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize("decorate", [tc.no_grad, tc.no_grad(), tc.inference_mode, tc.inference_mode()])
def test_as_decorators(decorate):
    @decorate
    def f(a, *, b):
        "doc"
        return recorded(), a + b

    assert f(1, b=2) == (False, 3) and f.__name__ == "f" and f.__doc__ == "doc"
    assert recorded()


def test_the_mode_is_put_back_after_an_exception():
    with pytest.raises(ValueError), tc.no_grad():
        raise ValueError
    assert recorded()

    @tc.no_grad()
    def f():
        raise ValueError

    with pytest.raises(ValueError):
        f()
    assert recorded()


def test_a_context_manager_may_be_entered_again():
    mode = tc.no_grad()
    with mode:
        with mode:
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_generators_run_in_the_mode_and_their_users_do_not():
    closed = []

    @tc.no_grad()
    def numbers():
        try:
            received = yield recorded()
            try:
                yield received, recorded()
            except KeyError:
                yield "caught", recorded()
        finally:
            closed.append(recorded())

    g = numbers()
    assert next(g) is False and recorded()
    assert g.send("sent") == ("sent", False) and recorded()
    assert g.throw(KeyError()) == ("caught", False) and recorded()
    g.close()
    assert closed == [False] and recorded()


def test_set_grad_enabled_acts_at_once_and_as_a_context_manager():
    tc.set_grad_enabled(False)
    assert not recorded()
    tc.set_grad_enabled(True)
    assert recorded()
    with tc.set_grad_enabled(False):
        assert not recorded()
    assert recorded()


def test_set_grad_enabled_as_a_decorator_leaves_the_mode_alone():
    @tc.set_grad_enabled(False)
    def f():
        return recorded()

    assert recorded() and not f() and recorded()


def test_inference_mode():
    with tc.inference_mode():
        assert tc.is_inference_mode_enabled()
    assert not tc.is_inference_mode_enabled()
    with tc.inference_mode(False):
        assert recorded() and not tc.is_inference_mode_enabled()
