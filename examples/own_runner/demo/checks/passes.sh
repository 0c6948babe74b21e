# Every check has a /tmp of its own.
set -eu
test ! -e /tmp/note
echo milk > /tmp/note
