"""Autobahn's testsuite from a folder of packages: `python2.7 wstest.py PACKAGES MESSAGES ARGUMENTS...`.

The cases of compression (12.*, 13.*) send 1,000 messages each, most of whose time goes into zlib at both ends; here each
sends no more than MESSAGES. Nothing else differs from `wstest ARGUMENTS...`.
"""
import site
import sys
import warnings

warnings.filterwarnings("ignore")
packages, messages = sys.argv[1], int(sys.argv[2])
sys.argv[1:3] = []
# Namespace packages (zope) are found by their .pth files, which only a site folder has read.
site.addsitedir(packages)

from autobahntestsuite.case import Cases  # noqa: E402
from autobahntestsuite.wstest import run  # noqa: E402

for case in Cases:
    if hasattr(case, "COUNT"):
        case.COUNT = min(case.COUNT, messages)
run()
