# Turns `go test -bench BenchmarkDecode -benchmem ./sensors/codec/...` into JSON
# lines: the first benchmark of a format is decode.<format>, others have the name
# of their sub-benchmark behind it.
/^pkg: / { n = split($2, part, "/"); format = part[n]; seen = 0 }
/^BenchmarkDecode/ {
	name = format
	if (seen++) {
		sub(/^BenchmarkDecode\/?/, "", $1); sub(/-[0-9]+$/, "", $1); sub(/\.[a-z]+$/, "", $1)
		if ($1 != "") name = format "_" $1
	}
	for (i = 2; i < NF; i++) {
		if ($(i + 1) == "ns/op") printf "{\"name\":\"decode.%s.ns\",\"value\":%s,\"unit\":\"ns\",\"note\":\"a message\"}\n", name, $i
		if ($(i + 1) == "allocs/op") printf "{\"name\":\"decode.%s.allocs\",\"value\":%s,\"unit\":\"1\",\"note\":\"a message\"}\n", name, $i
	}
}
/^(FAIL|--- FAIL|panic)/ { print > "/dev/stderr"; failed = 1 }
END { exit failed }
