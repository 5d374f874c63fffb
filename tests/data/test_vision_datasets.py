"""MNIST, CIFAR, digits and image folders: shipped, real where present, and hostile."""

import gzip
import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.data import CIFAR10, CIFAR100, MNIST, DataFileError, Digits, FashionMNIST, ImageFolder, _files
from tinygrad_course.data.download import RemoteFile
from tinygrad_course.vision import transforms

from .test_idx import encode

REAL = Path(os.environ.get("TINYGRAD_COURSE_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
real_mnist = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason=f"no MNIST in {REAL}")
real_cifar = pytest.mark.skipif(not (REAL / "cifar10").is_dir(), reason=f"no CIFAR-10 in {REAL}")


@pytest.fixture(autouse=True)
def _no_data_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv(_files.ENVIRONMENT, str(tmp_path / "nothing-here"))


def write_mnist(folder, n=5, split="train", zipped=True, images=None, labels=None):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) if images is None else images
    labels = rng.integers(0, 10, n, dtype=np.uint8) if labels is None else labels
    for name, array in ((f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)):
        raw = encode(array)
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw, mtime=0) if zipped else raw)
    return images, labels


# --- MNIST ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:MNIST")
@pytest.mark.parametrize(("train", "n"), [(True, 2000), (False, 1000)])
def test_the_shipped_subset_is_balanced_and_looks_like_digits(train, n):
    data = MNIST(train=train)
    assert data.source == "shipped" and len(data) == n
    assert np.bincount(data.targets.array).tolist() == [n // 10] * 10
    assert data.data.dtype == np.uint8 and data.data.shape == (n, 28, 28) and data.targets.dtype == np.int64
    means = np.stack([data.data.array[data.targets.array == k].mean(axis=0) for k in range(10)])
    nearest = ((data.data.array[:, None] / 255 - means[None] / 255) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    assert (nearest == data.targets.array).mean() > 0.75  # the labels belong to the images


def test_the_subset_announces_itself_once(monkeypatch):
    monkeypatch.setattr(_files, "_said", set())
    with pytest.warns(UserWarning, match=r"2,000 training images that ship.*root=") as caught:
        MNIST()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MNIST()


@real_mnist
@pytest.mark.filterwarnings("ignore:MNIST")
def test_the_subset_is_part_of_the_real_files():
    for train in (True, False):
        real, shipped = MNIST(REAL, train=train), MNIST(train=train)
        known = {image.tobytes(): label for image, label in real}
        assert all(known[image.tobytes()] == label for image, label in shipped)


@real_mnist
def test_real_mnist():
    train, test = MNIST(REAL), MNIST(str(REAL / "mnist"), train=False)
    assert len(train) >= 10_000 and len(test) == 10_000 and train.source == str(REAL / "mnist")
    assert np.bincount(test.targets.array).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(test.data.array.mean() / 255 - 0.1325) < 1e-3  # known statistics of the test images
    images, labels = test.tensors()
    assert images.shape == (10_000, 1, 28, 28) and images.dtype == np.float32 and labels.dtype == np.int64
    assert images.array.max() == 1 and np.array_equal(images.array[7, 0], test.data.array[7] / np.float32(255))


@pytest.mark.parametrize("place", ["", "MNIST/raw", "mnist"])
@pytest.mark.parametrize("zipped", [True, False])
def test_where_files_are_found(tmp_path, monkeypatch, place, zipped):
    images, labels = write_mnist(tmp_path / place, zipped=zipped)
    monkeypatch.setenv(_files.ENVIRONMENT, str(tmp_path))
    for data in (MNIST(tmp_path), MNIST(str(tmp_path)), MNIST()):
        assert np.array_equal(data.data.array, images) and np.array_equal(data.targets.array, labels)
    image, label = MNIST(tmp_path)[3]
    assert image.shape == (28, 28) and type(label) is int and label == labels[3]


def test_images_and_labels_come_from_one_folder(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    write_mnist(tmp_path / "mnist", n=7)
    assert len(MNIST(tmp_path)) == 7


def test_missing_files_are_said_to_be_missing(tmp_path):
    with pytest.raises(DataFileError, match=r"train-images-idx3-ubyte.*download=True"):
        MNIST(tmp_path)
    with pytest.raises(RuntimeError, match="FashionMNIST"):
        FashionMNIST()


def test_bad_files_are_named(tmp_path):
    for images, labels, message in [
        (np.zeros((5, 28, 27), "u1"), None, "images.*28x28"),
        (np.zeros((5, 28, 28), "f4"), None, "images.*uint8"),
        (None, np.zeros(4, "u1"), "labels.*expected 5"),
        (None, np.full(5, 10, "u1"), "labels.*label 10"),
        (np.zeros((5, 28), "u1"), None, "images.*2 dimensions, expected 3"),
    ]:
        write_mnist(tmp_path, images=images, labels=labels)
        with pytest.raises(DataFileError, match=message):
            MNIST(tmp_path)
    write_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataFileError, match=r"train-images-idx3-ubyte\.gz.*truncated"):
        MNIST(tmp_path)


def test_transforms_apply_and_whole_batches_agree_with_single_images(tmp_path):
    write_mnist(tmp_path, n=11)
    chain = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    data = MNIST(tmp_path, transform=chain)
    assert data.batch_reader() is not None
    slow = [data[i] for i in range(11)]
    for fast, one in zip(tc.data.DataLoader(data, 4), tc.data.DataLoader(slow, 4), strict=True):
        for a, b in zip(fast, one, strict=True):
            assert a.dtype == b.dtype and a.array.tobytes() == b.array.tobytes()
    assert MNIST(tmp_path, transform=lambda image: image).batch_reader() is None
    assert MNIST(tmp_path, target_transform=str)[0][1] in "0123456789"


def test_data_and_targets_can_be_assigned(tmp_path):
    images, labels = write_mnist(tmp_path, n=6)
    data = MNIST(tmp_path)
    data.data, data.targets = tc.tensor(images[4:]), tc.tensor(labels[4:])
    assert len(data) == 2 and data[1][1] == labels[5] and np.array_equal(data[1][0], images[5])
    records = cifar_records(np.random.default_rng(0), 3)
    records.tofile(tmp_path / "test_batch.bin")
    data = CIFAR10(tmp_path, train=False)
    data.data, data.targets = data.data[1:], data.targets[1:]
    assert [label for _, label in data] == records[1:, 0].tolist()


def test_a_download_is_verified_and_used(tmp_path, monkeypatch):
    images, _ = write_mnist(tmp_path / "served")
    served = tmp_path / "served"

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    files = [RemoteFile(p.name, p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest()) for p in served.iterdir()]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(MNIST, "resources", files)
    try:
        data = MNIST(tmp_path / "root", download=True)
    finally:
        server.shutdown()
        server.server_close()
    assert np.array_equal(data.data.array, images) and data.source == str(tmp_path / "root" / "MNIST" / "raw")
    assert len(MNIST(tmp_path / "root", download=True)) == len(images)  # needs no server now


@real_mnist
def test_published_hashes_are_those_of_the_real_test_files():
    for file in MNIST.resources[2:]:
        raw = (REAL / "mnist" / file.name).read_bytes()
        assert (len(raw), hashlib.sha256(raw).hexdigest()) == (file.size, file.sha256)
    for file in MNIST.resources + FashionMNIST.resources + [CIFAR10.archive, CIFAR100.archive]:
        assert len(bytes.fromhex(file.sha256)) == 32


# --- CIFAR ----------------------------------------------------------------------------------------------------------


def cifar_records(rng, n, label_bytes=1, classes=10):
    records = rng.integers(0, 256, (n, label_bytes + 3072), dtype=np.uint8)
    records[:, label_bytes - 1] = rng.integers(0, classes, n)
    return records


@pytest.mark.filterwarnings("ignore:CIFAR10")
def test_cifar_records(tmp_path):
    rng = np.random.default_rng(0)
    records = [cifar_records(rng, 3) for _ in range(6)]
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for i in range(5):
        records[i].tofile(folder / f"data_batch_{i + 1}.bin")
    records[5].tofile(folder / "test_batch.bin")
    train, test = CIFAR10(tmp_path), CIFAR10(tmp_path, train=False)
    assert train.data.shape == (15, 32, 32, 3) and len(train.targets) == 15 and len(test) == 3
    assert train.targets[4] == records[1][1, 0]
    assert train.data[4, 10, 20, 2] == records[1][1, 1 + 2 * 1024 + 10 * 32 + 20]
    image, label = test[0]
    assert image.shape == (32, 32, 3) and test.classes[label] in CIFAR10.classes and train.class_to_idx["cat"] == 3
    assert test.tensors()[0].shape == (3, 3, 32, 32)


def test_cifar100_takes_the_fine_label(tmp_path):
    records = cifar_records(np.random.default_rng(0), 4, label_bytes=2, classes=100)
    records.tofile(tmp_path / "train.bin")
    assert CIFAR100(tmp_path).targets == records[:, 1].tolist() and len(CIFAR100.classes) == 100


@real_cifar
@pytest.mark.filterwarnings("ignore:CIFAR10")
def test_real_cifar():
    data = CIFAR10(REAL)
    assert len(data) % 10_000 == 0 and np.bincount(data.targets).min() > 900
    # Published means of the training images.
    assert np.allclose(data.data.mean(axis=(0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=0.01)


@real_cifar
def test_a_part_of_cifar_is_used_with_a_warning(monkeypatch):
    monkeypatch.setattr(_files, "_said", set())
    if not (REAL / "cifar10" / "data_batch_2.bin").exists():
        with pytest.warns(UserWarning, match="1 of 5"):
            CIFAR10(REAL)


@pytest.mark.filterwarnings("ignore:CIFAR10")
def test_bad_cifar_files_are_named(tmp_path):
    with pytest.raises(DataFileError, match=r"data_batch_1\.bin"):
        CIFAR10(tmp_path)
    path = tmp_path / "data_batch_1.bin"
    for content, message in [(b"", "0 bytes"), (bytes(3072), "3072 bytes"), (b"\x0a" + bytes(3072), "label 10")]:
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=rf"data_batch_1\.bin.*{message}"):
            CIFAR10(tmp_path)


def test_cifar_archive_is_unpacked_without_following_links(tmp_path, monkeypatch):
    records = cifar_records(np.random.default_rng(0), 2)

    def archive(link):
        with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
            for name in CIFAR10.train_files + CIFAR10.test_files:
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = records.nbytes
                if link:
                    member.size, member.type, member.linkname = 0, tarfile.SYMTYPE, "/etc/hostname"
                tar.addfile(member, None if link else io.BytesIO(records.tobytes()))
        raw = (tmp_path / "cifar-10-binary.tar.gz").read_bytes()
        file = RemoteFile("cifar-10-binary.tar.gz", len(raw), hashlib.sha256(raw).hexdigest())
        monkeypatch.setattr(CIFAR10, "archive", file)

    archive(link=True)
    with pytest.raises(DataFileError, match="not a regular file"):
        CIFAR10(tmp_path, download=True)
    archive(link=False)
    assert len(CIFAR10(tmp_path, download=True)) == 10


# --- digits, folders ------------------------------------------------------------------------------------------------


def test_digits_are_those_of_uci():
    data = Digits()
    # Class counts of the test part, as its description at UCI lists them.
    assert np.bincount(data.targets.array).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.data.shape == (1797, 8, 8) and data.data.array.max() == 16
    images, labels = data.tensors()
    assert images.shape == (1797, 1, 8, 8) and images.array.max() == 1 and labels.dtype == np.int64


def test_digits_agree_with_scikit_learn():
    reference = pytest.importorskip("sklearn.datasets").load_digits()
    assert np.array_equal(Digits().data.array, reference.images) and np.array_equal(
        Digits().targets.array, reference.target
    )


def test_image_folder(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pixels = {}
    for name in ("cat/b.png", "cat/deep/a.png", "ant/z.PNG"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels[name] = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        image_module.fromarray(pixels[name]).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    data = ImageFolder(tmp_path, transform=transforms.ToTensor())
    assert data.classes == ["ant", "cat"] and data.targets == [0, 1, 1] and data.imgs is data.samples
    image, label = data[1]
    assert label == 1 and np.array_equal(image.array, pixels["cat/b.png"].transpose(2, 0, 1) / np.float32(255))
    batch, labels = next(iter(tc.data.DataLoader(data, 3, num_workers=2)))
    assert batch.shape == (3, 3, 4, 5) and labels.tolist() == [0, 1, 1]
    broken = tmp_path / "cat" / "b.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataFileError, match=r"b\.png"):
        data[1]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="'empty'"):
        ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="no class folders"):
        ImageFolder(tmp_path / "empty")


def test_importing_loads_no_heavy_module():
    heavy = ["PIL", "urllib.request", "http.client", "gzip", "tqdm", "matplotlib", "scipy"]
    program = f"import sys, tinygrad_course as tc; tc.data; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_names_of_pytorch_and_torchvision_resolve():
    assert tc.utils.data.DataLoader is tc.data.DataLoader
    assert tc.vision.datasets.MNIST is tc.data.MNIST
    assert tc.vision.transforms.functional.resize is tc.data.transforms.functional.resize
    import tinygrad_course.utils.data as data_path
    import tinygrad_course.vision.transforms as transforms_path

    for module in (data_path, transforms_path, tc.data, tc.vision.datasets):
        assert all(hasattr(module, name) for name in module.__all__)
