"""The Dockerfile follows from the lock alone."""

import msgspec

from snapshot.image.dockerfile import LARGE, base_reference, image_reference, layers, render, titles
from snapshot.lock.document import Base, Cuda, Lock, OsPackage, Package, Wheel


def package(name: str, size: int) -> Package:
    wheel = Wheel(name=f"{name}-1.0-py3-none-any.whl", size=size, hashes={"sha256": f"{size:064x}"})
    return Package(name=name, version="1.0", wheels=(wheel,))


def sizes(lock: Lock) -> dict[str, int]:
    return {p.wheel.name: p.wheel.size or 0 for p in lock.packages}


def shape(lock: Lock) -> list[tuple[str, list[str]]]:
    return [(layer.context, [p.name for p in layer.packages]) for layer in layers(lock, sizes(lock))]


STACK = (
    package("click", 90_000),
    package("torch", 190_000_000),
    package("numpy", 17_000_000),
    package("mpmath", 500_000),
)


def test_large_wheels_have_layers_of_their_own_and_small_ones_come_last(lock_of) -> None:
    lock = lock_of(*STACK, package("cudnn", 700_000_000), package("pandas", 12_000_000))
    assert shape(lock) == [
        ("wheel-cudnn", ["cudnn"]),
        ("wheel-torch", ["torch"]),
        ("wheels-medium", ["numpy", "pandas"]),
        ("wheels-small", ["mpmath"]),
        ("wheels-tiny", ["click"]),
    ]


def test_every_package_is_in_one_layer(lock_of) -> None:
    edges = (0, 1, 199_999, 200_000, 999_999, 1_000_000, LARGE - 1, LARGE, LARGE + 1)
    lock = lock_of(*(package(f"p{size}", size) for size in edges))
    assert sorted(name for _, names in shape(lock) for name in names) == sorted(p.name for p in lock.packages)


def test_the_order_in_the_lock_does_not_matter(lock_of) -> None:
    assert shape(lock_of(*STACK)) == shape(lock_of(*reversed(STACK)))


def test_adding_a_small_package_changes_the_last_step_only(lock_of) -> None:
    one, other = lock_of(*STACK), lock_of(*STACK, package("six", 11_000))
    assert shape(one)[:-1] == shape(other)[:-1]
    assert steps(one)[:-1] == steps(other)[:-1]


def steps(lock: Lock) -> list[str]:
    return render(lock, sizes(lock)).split("\n\n")[3:-1]


def test_it_says_what_it_installs_and_how_to_build_it(lock_of) -> None:
    lock = lock_of(*STACK)
    text = render(lock, sizes(lock))
    assert "#       --build-context wheel-torch=wheels/wheel-torch \\\n" in text
    assert f"name={image_reference(lock)}," in text
    for p in lock.packages:
        assert f"# {p.wheel.name} {p.wheel.sha256}" in text
    assert text.count("RUN --network=none") == 4
    assert f'org.snapshot-ml.lock="{lock.digest}"' in text
    assert 'org.opencontainers.image.created="2023-11-14T22:13:20Z"' in text


def test_a_base_of_a_registry_is_named_by_digest(lock_of) -> None:
    pinned = Base(
        reference="python:3.12-slim-bookworm",
        digest="sha256:" + "a" * 64,
        layers=("sha256:" + "b" * 64,),
        os="linux",
        architecture="amd64",
    )
    lock = lock_of(base=pinned)
    assert base_reference(lock) == "python:3.12-slim-bookworm@sha256:" + "a" * 64
    text = render(lock, {})
    assert f"\nFROM {base_reference(lock)}\n" in text
    assert f'org.opencontainers.image.base.digest="sha256:{"a" * 64}"' in text


def test_a_base_of_this_engine_is_named_by_its_tag(lock_of) -> None:
    assert "\nFROM snapshot-base:bookworm\n" in render(lock_of(), {})


def test_hosts_with_an_old_driver_are_refused_when_there_is_cuda(lock_of) -> None:
    cuda = Cuda(runtime="13.0", driver_minimum="580.65.06", because="nvidia-cuda-runtime 13.0.96")
    text = render(lock_of(cuda=cuda), {})
    assert 'ENV NVIDIA_REQUIRE_CUDA="cuda>=13.0" \\\n    NVIDIA_DRIVER_CAPABILITIES="compute,utility"\n' in text
    assert "NVIDIA" not in render(lock_of(), {})


def test_what_the_image_says_of_cuda_is_part_of_its_identity(lock_of) -> None:
    """The same wheels on a base with another CUDA are refused by other drivers."""

    def of(runtime: str) -> Lock:
        return lock_of(cuda=Cuda(runtime=runtime, driver_minimum="450.80.02", because="CUDA_VERSION of the base"))

    assert len({lock_of().digest, of("12.4").digest, of("11.8").digest}) == 3
    assert (of("12.4").digest, render(of("12.4"), {})) == (of("12.6").digest, render(of("12.6"), {}))


def test_where_a_wheel_came_from_is_not_in_it(lock_of) -> None:
    lock = lock_of(*STACK)
    wheel = msgspec.structs.replace(
        STACK[0].wheel, path="/home/her/wheels/click.whl", url="https://index.example/c.whl"
    )
    moved = lock_of(msgspec.structs.replace(STACK[0], wheels=(wheel,)), *STACK[1:])
    assert render(lock, sizes(lock)) == render(moved, sizes(moved))
    assert image_reference(lock) == image_reference(moved)


FFMPEG = OsPackage(
    name="ffmpeg",
    version="7:5.1.6-0+deb12u1",
    architecture="amd64",
    size=1_800_000,
    sha256="f" * 64,
    url="http://archive.example/ffmpeg.deb",
    asked=True,
)


def with_ffmpeg(lock: Lock) -> Lock:
    return msgspec.structs.replace(lock, os_packages=(FFMPEG,))


def test_os_packages_come_before_the_wheels(lock_of) -> None:
    lock = with_ffmpeg(lock_of(*STACK))
    text = render(lock, sizes(lock))
    assert f"# ffmpeg=7:5.1.6-0+deb12u1 amd64 sha256:{'f' * 64}\nRUN --network=none" in text
    assert "from=debs,target=/mnt/debs" in text and "#       --build-context debs=debs" in text
    assert text.index("install_debs.py") < text.index('"/mnt/tools/install_wheels.py"')
    assert text.count("RUN --network=none") == 5
    assert titles(lock, sizes(lock)) == ("1 OS package", *(layer.title for layer in layers(lock, sizes(lock))))


def test_a_lock_of_os_packages_alone_is_an_image(lock_of) -> None:
    text = render(with_ffmpeg(lock_of()), {})
    assert text.count("RUN --network=none") == 1
    assert "from=wheel" not in text


def test_where_an_os_package_came_from_is_not_in_it(lock_of) -> None:
    lock = with_ffmpeg(lock_of(*STACK))
    moved = msgspec.structs.replace(FFMPEG, url="http://mirror.example/x.deb", snapshot="http://dated.example/x.deb")
    other = msgspec.structs.replace(lock, os_packages=(moved,))
    assert render(lock, sizes(lock)) == render(other, sizes(other))
    assert image_reference(lock) == image_reference(other) != image_reference(lock_of(*STACK))


def test_without_os_packages_nothing_speaks_of_them(lock_of) -> None:
    assert "/mnt/debs" not in render(lock_of(*STACK), sizes(lock_of(*STACK)))
