test -e /checks/no-such-data || exit 77
