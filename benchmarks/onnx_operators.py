"""How many of onnx's own cases pass (operators one by one, models that PyTorch wrote), and why not the rest.

Run by `python -m benchmarks.onnx_operators`.
"""

from collections import Counter

from tinygrad_course.interop.onnx.backend import measure, table

if __name__ == "__main__":
    for kinds in (("node",), ("pytorch-converted", "pytorch-operator")):
        results = list(measure(kinds))
        passed = sum(r.outcome == "passed" for r in results)
        print(table(results))
        print(f"{', '.join(kinds)}: {passed} of {len(results)} passed ({passed / len(results):.1%})\n")
        for message, count in Counter(r.message for r in results if r.outcome == "unsupported").most_common():
            print(f"{count:4}  {message[:110]}")
        for r in results:
            if r.outcome == "failed":
                print(f"failed: {r.name}: {r.message[:110]}")
