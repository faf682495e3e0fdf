"""The scorer of CPUs, computed by OpenVINO without torch."""
