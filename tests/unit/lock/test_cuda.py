"""The CUDA that the pins and the base tell, and what a driver means for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.lock.cuda import covers, driver_findings, expectation, frameworks
from snapshot.lock.document import Cuda, Package, Wheel


def package(name: str, version: str) -> Package:
    return Package(name=name, version=version, wheels=(Wheel(name=f"{name}.whl", hashes={"sha256": "0" * 64}),))


def expected(*pins: str, base: dict[str, str] | None = None) -> tuple[Cuda | None, list[str]]:
    """What is expected of packages written as `name version`, and what was warned of."""
    warned: list[str] = []
    packages = [package(*pin.split(" ")) for pin in pins]
    return expectation(packages, base or {}, warn=warned.append), warned


# As they were resolved from the index in November 2026.
TORCH_2_15 = (
    "cuda-bindings 13.5.0", "cuda-pathfinder 1.9.0", "cuda-toolkit 13.2.2", "nvidia-cublas 13.4.1.3",
    "nvidia-cuda-cccl 13.3.5.0.6", "nvidia-cuda-cupti 13.2.86", "nvidia-cuda-nvrtc 13.2.86",
    "nvidia-cuda-runtime 13.2.86", "nvidia-cudnn-cu13 9.26.0.51", "nvidia-cufft 12.2.0.57", "nvidia-cufile 1.17.1.22",
    "nvidia-cusparselt-cu13 0.8.1", "nvidia-nccl-cu13 2.30.7", "nvidia-nvjitlink 13.5.37", "nvidia-nvshmem-cu13 3.7.2",
    "nvidia-nvtx 13.2.86", "torch 2.15.0",
)  # fmt: skip
TORCH_2_4 = (
    "nvidia-cublas-cu12 12.1.3.1", "nvidia-cuda-cupti-cu12 12.1.105", "nvidia-cuda-nvrtc-cu12 12.1.105",
    "nvidia-cuda-runtime-cu12 12.1.105", "nvidia-cudnn-cu12 9.1.0.70", "nvidia-cufft-cu12 11.0.2.54",
    "nvidia-nccl-cu12 2.20.5", "nvidia-nvjitlink-cu12 12.9.86", "nvidia-nvtx-cu12 12.1.105", "torch 2.4.1",
)  # fmt: skip
JAX_CUDA12 = (
    "jax 0.10.2", "jax-cuda12-pjrt 0.10.2", "jax-cuda12-plugin 0.10.2", "jaxlib 0.10.2", "nvidia-cublas-cu12 12.9.3.13",
    "nvidia-cuda-cccl-cu12 12.9.27", "nvidia-cuda-nvcc-cu12 12.9.86", "nvidia-cuda-nvrtc-cu12 12.9.86",
    "nvidia-cuda-runtime-cu12 12.9.79", "nvidia-cudnn-cu12 9.28.0.42", "nvidia-nccl-cu12 2.32.3",
)  # fmt: skip
TENSORFLOW = (
    "nvidia-cublas-cu12 12.9.3.13", "nvidia-cuda-cupti-cu12 12.9.79", "nvidia-cuda-nvcc-cu12 12.9.86",
    "nvidia-cuda-runtime-cu12 12.9.79", "nvidia-cudnn-cu12 9.28.0.42", "nvidia-nccl-cu12 2.32.3", "tensorflow 2.21.0",
)  # fmt: skip
NVIDIA_BASE = {
    "CUDA_VERSION": "12.2.2",
    "NV_CUDNN_VERSION": "8.9.6.50",
    "NCCL_VERSION": "2.19.3-1",
    "NVIDIA_REQUIRE_CUDA": "cuda>=12.2 brand=tesla,driver>=470,driver<471",
}


@pytest.mark.parametrize(
    ("pins", "runtime", "because", "minimum", "full", "cudnn", "nccl"),
    [
        (TORCH_2_15, "13.2", "nvidia-cuda-runtime 13.2.86", "580.65.06", "595.45.04", "9.26.0.51", "2.30.7"),
        (TORCH_2_4, "12.1", "nvidia-cuda-runtime-cu12 12.1.105", "525.60.13", "530.30.02", "9.1.0.70", "2.20.5"),
        (JAX_CUDA12, "12.9", "nvidia-cuda-runtime-cu12 12.9.79", "525.60.13", "575.51.03", "9.28.0.42", "2.32.3"),
        (TENSORFLOW, "12.9", "nvidia-cuda-runtime-cu12 12.9.79", "525.60.13", "575.51.03", "9.28.0.42", "2.32.3"),
    ],
    ids=["torch 2.15.0", "torch 2.4.1", "jax[cuda12]", "tensorflow[and-cuda]"],
)  # fmt: skip
def test_what_real_locks_expect(
    pins: tuple[str, ...], runtime: str, because: str, minimum: str, full: str, cudnn: str, nccl: str
) -> None:
    found, warned = expected(*pins)
    assert warned == []
    assert found == Cuda(
        runtime=runtime, because=because, driver_minimum=minimum, driver_full=full, cudnn=cudnn, nccl=nccl
    )


@pytest.mark.parametrize(
    ("pins", "runtime", "minimum", "full"),
    [
        ("torch 2.4.1+cu124", "12.4", "525.60.13", "550.54.14"),
        ("torch 1.13.1+cu117", "11.7", "450.80.02", "515.43.04"),
        ("torch 1.9.0+cu111", "11.1", "450.80.02", "455.23"),
        ("torch 1.9.0+cu102", "10.2", "440.33", "440.33"),
        ("torch 1.2.0+cu92", "9.2", "396.26", "396.26"),
        ("torch-scatter 2.1.2+pt24cu121", "12.1", "525.60.13", "530.30.02"),
        ("mxnet-cu102mkl 1.6.0", "10.2", "440.33", "440.33"),
        ("mxnet-cu112 1.9.1", "11.2", "450.80.02", "460.27.03"),
        ("jaxlib 0.3.25+cuda11.cudnn82", "11", "450.80.02", None),
        ("nvidia-nccl-cu12 2.27.7", "12", "525.60.13", None),
        ("nvidia-cuda-runtime-cu11 11.7.99", "11.7", "450.80.02", "515.43.04"),
    ],
)
def test_one_pin_is_enough(pins: str, runtime: str, minimum: str, full: str | None) -> None:
    found, warned = expected(pins, "numpy 2.0")
    assert found and (found.runtime, found.driver_minimum, found.driver_full) == (runtime, minimum, full)
    assert found.because == pins and warned == []


@pytest.mark.parametrize(
    "pin",
    [
        *("torch 2.13.0+cpu", "torch 2.13.0", "torch 2.13.0+rocm6.2", "tensorflow-cpu 2.18.0", "jaxlib 0.10.2"),
        *("nvidia-cuda-runtime 0.0.1", "nvidia-ml-py 13.0", "cuda-bindings 12.9.4", "cupy 13.0.0", "local 1+cucumber"),
    ],
)
def test_no_cuda(pin: str) -> None:
    assert expected(pin, "numpy 2.4.6") == (None, [])


def test_the_base_brings_it_when_the_packages_do_not() -> None:
    found, warned = expected("tensorflow 2.15.1", base=NVIDIA_BASE)
    assert found == Cuda(
        runtime="12.2",
        because="CUDA_VERSION 12.2.2 of the base",
        driver_minimum="525.60.13",
        driver_full="535.54.03",
        cudnn="8.9.6.50",
        nccl="2.19.3",
    )
    assert warned == []


def test_a_base_that_only_says_what_it_requires() -> None:
    found, _ = expected(base={"NVIDIA_REQUIRE_CUDA": "cuda>=11.8 brand=tesla,driver>=450,driver<451"})
    assert found and (found.runtime, found.because) == ("11.8", "NVIDIA_REQUIRE_CUDA 11.8 of the base")


@pytest.mark.parametrize("value", ["", "12", "banana", "12.2\n; rm", "0.1"])
def test_a_base_that_says_nothing_of_use(value: str) -> None:
    assert expected(base={"CUDA_VERSION": value, "NVIDIA_REQUIRE_CUDA": value}) == (None, [])


def test_what_the_packages_bring_goes_before_the_base() -> None:
    found, warned = expected(*TORCH_2_4, base={**NVIDIA_BASE, "CUDA_VERSION": "13.0.1"})
    assert found and (found.runtime, found.nccl, warned) == ("12.1", "2.20.5", [])


def test_packages_that_use_the_cuda_of_the_base() -> None:
    found, warned = expected("cupy-cuda12x 13.6.0", "jax-cuda12-plugin 0.10.2", base=NVIDIA_BASE)
    assert found and (found.runtime, found.because, warned) == ("12.2", "CUDA_VERSION 12.2.2 of the base", [])


@pytest.mark.parametrize("base", [{}, {"CUDA_VERSION": "13.0.1"}])
def test_packages_that_find_no_cuda_to_use(base: dict[str, str]) -> None:
    found, warned = expected("jax-cuda12-plugin 0.10.2", base=base)
    assert found and found.runtime == "12"
    assert warned == [
        "jax-cuda12-plugin 0.10.2 uses CUDA 12, and neither the packages nor the base bring it along",
    ]


def test_the_first_release_of_a_major_version_is_a_version() -> None:
    found, _ = expected("nvidia-nccl-cu13 2.27.7", "cuda-toolkit 13.0.2", "nvidia-cuda-runtime 13.0.96")
    assert found and (found.runtime, found.because) == ("13.0", "nvidia-cuda-runtime 13.0.96")


def test_two_majors_are_warned_of_and_the_newer_one_counts() -> None:
    found, (warning,) = expected(*TORCH_2_15, *JAX_CUDA12)
    assert found and (found.runtime, found.nccl) == ("13.2", "2.30.7")
    assert "CUDA 12 (nvidia-cuda-runtime-cu12 12.9.79) and CUDA 13 (nvidia-cuda-runtime 13.2.86)" in warning


@pytest.mark.parametrize(
    ("version", "minimum"), [("13.97.1", "580.65.06"), ("99.0.0", "580.65.06"), ("12.97.0", "525.60.13")]
)
def test_a_cuda_newer_than_the_tables_is_locked_with_a_warning(version: str, minimum: str) -> None:
    found, (warning,) = expected(f"cuda-toolkit {version}")
    assert found and (found.driver_minimum, found.driver_full) == (minimum, None)
    assert f"(cuda-toolkit {version}) is not in NVIDIA's tables" in warning and minimum in warning


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4), st.text(), st.text())
def test_whatever_the_names_and_the_base_say_nothing_breaks(
    pins: list[tuple[str, str]], version: str, required: str
) -> None:
    packages = [package(name, said) for name, said in pins]
    expectation(packages, {"CUDA_VERSION": version, "NVIDIA_REQUIRE_CUDA": required}, warn=lambda _: None)


def test_frameworks_among_packages() -> None:
    assert frameworks([package("torch", "2.13.0+cpu"), package("numpy", "2.4.6")]) == {"torch": "2.13.0+cpu"}


CUDA_12_4 = Cuda(
    runtime="12.4",
    because="nvidia-cuda-runtime-cu12 12.4.127",
    driver_minimum="525.60.13",
    driver_full="550.54.14",
)


def test_a_driver_that_is_too_old() -> None:
    (found,) = driver_findings("450.80.02", CUDA_12_4)
    assert (found.check, found.severity) == ("driver", "error")
    assert found.message == (
        "the driver 450.80.02 is too old for CUDA 12.4 (nvidia-cuda-runtime-cu12 12.4.127): it needs 525.60.13 or newer"
    )
    assert found.remedy == "update the NVIDIA driver, or ask for packages that are built for CUDA 11"
    (ancient,) = driver_findings("390.46", CUDA_12_4)
    assert ancient.remedy == "update the NVIDIA driver"


@pytest.mark.parametrize("driver", ["525.60.13", "525.105.17", "535.54.03", "550.40"])
def test_a_driver_between(driver: str) -> None:
    (found,) = driver_findings(driver, CUDA_12_4)
    assert found.severity == "warning" and "came with 550.54.14" in found.message
    assert found.remedy and "550.54.14" in found.remedy


@pytest.mark.parametrize("driver", ["550.54.14", "550.54.15", "610.43.02", " 550.100 "])
def test_a_driver_that_has_all(driver: str) -> None:
    assert [found.severity for found in driver_findings(driver, CUDA_12_4)] == ["ok"]


def test_numbers_are_compared_as_numbers() -> None:
    cuda = Cuda(runtime="12.8", because="", driver_minimum="525.60.13", driver_full="570.26")
    assert [driver_findings(driver, cuda)[0].severity for driver in ("570.124.06", "570.26.00", "570.9")] == [
        *("ok", "ok", "warning")
    ]


def test_the_driver_of_a_toolkit_that_is_not_known_is_not_asked_for() -> None:
    cuda = Cuda(runtime="13.9", because="", driver_minimum="580.65.06")
    assert driver_findings("580.65.06", cuda)[0].severity == "ok"


@pytest.mark.parametrize("driver", ["", "banana", "535", "535.x", "535.104.05; rm", "٥٣٥.104", "1" * 5000])
def test_a_driver_that_can_not_be_read(driver: str) -> None:
    (found,) = driver_findings(driver, CUDA_12_4)
    assert found.severity == "warning" and "can't be read" in found.message and len(found.message) < 120


# As torch 2.15.0 and tensorflow 2.21.0 told on a host without a GPU.
REAL_TORCH = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
REAL_TENSORFLOW = ("sm_60", "sm_70", "sm_80", "sm_89", "compute_90")
BUILT = ("sm_70", "sm_80", "sm_90a", "sm_120", "compute_120")


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (BUILT, "7.0", True),
        (BUILT, "7.5", True),  # sm_70 on a later 7.x
        (BUILT, "6.1", False),
        (BUILT, "8.6", True),
        (BUILT, "9.0", True),
        (BUILT, "10.0", False),  # sm_90a is for 9.0 alone, PTX of 12.0 for newer ones
        (BUILT, "12.1", True),
        (BUILT, "13.0", True),  # PTX
        (("sm_86",), "8.0", False),
        (("sm_90a",), "9.1", False),
        (("compute_90a",), "10.0", False),
        (("sm_100f",), "10.3", True),
        (("compute_100f",), "12.0", False),
        (("compute_50",), "12.0", True),
        (REAL_TORCH, "7.0", False),
        (REAL_TORCH, "8.9", True),
        (REAL_TORCH, "11.0", False),
        (REAL_TENSORFLOW, "6.1", True),
        (REAL_TENSORFLOW, "12.0", True),
        (REAL_TENSORFLOW, "5.2", False),
        ((), "3.5", True),
        (("gfx906",), "3.5", True),
        (BUILT, "", True),
        (BUILT, "nonsense", True),
    ],
)
def test_what_runs_on_which_device(architectures: tuple[str, ...], capability: str, runs: bool) -> None:
    assert covers(architectures, capability) is runs
