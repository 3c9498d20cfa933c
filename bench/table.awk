# Passes JSON lines through and prints them as a table at the end.
/^\{"name":/ {
	print
	line = $0
	match(line, /"name":"[^"]*"/);   name = substr(line, RSTART + 8, RLENGTH - 9)
	match(line, /"value":[-0-9.e+]*/); value = substr(line, RSTART + 8, RLENGTH - 8)
	match(line, /"unit":"[^"]*"/);   unit = substr(line, RSTART + 8, RLENGTH - 9)
	note = ""
	if (match(line, /"note":"[^"]*"/)) note = substr(line, RSTART + 8, RLENGTH - 9)
	rows[++n] = sprintf("%-34s %14s %-8s %s", name, value, unit, note)
	next
}
/^(FAIL|--- FAIL|panic)/ { print > "/dev/stderr"; failed = 1 }
END {
	printf "\n%-34s %14s %-8s %s\n", "name", "value", "unit", "note"
	for (i = 1; i <= n; i++) print rows[i]
	exit failed
}
