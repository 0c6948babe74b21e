set -eu
test ! -e /tmp/note
echo bread > /tmp/note
