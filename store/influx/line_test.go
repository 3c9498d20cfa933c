package influx

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTexts_ComeBackFromTheirEscapedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for name, encoded := range map[string]string{"tag": encodeTag(text), "field": encodeField(text)} {
			got, err := decode(encoded)
			if err != nil || got != text {
				t.Fatalf("%s of %q is %q, decoded %q, %v", name, text, encoded, got, err)
			}
		}
		if tag := encodeTag(text); tag == "" || strings.ContainsAny(tag, " ,=\\\"'\n\r\t$") {
			t.Fatalf("tag of %q is %q", text, tag)
		}
	})
}

func TestQuote_LeavesNothingThatEndsAStringOrBeginsAnExpression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune{'"', '\\', '$', '{', '}', '\n', '\r', 0, 'x'}), rapid.Rune())).Draw(t, "text")
		quoted := quote(text)
		inner := quoted[1 : len(quoted)-1]
		if quoted[0] != '"' || quoted[len(quoted)-1] != '"' || strings.Contains(inner, "$") {
			t.Fatalf("%q is quoted as %s", text, quoted)
		}
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '\\':
				i++
			case '"', '\n', '\r', 0:
				t.Fatalf("%q is quoted as %s, which ends at %d", text, quoted, i+1)
			}
		}
		if strings.HasSuffix(strings.ReplaceAll(inner, `\\`, ""), `\`) {
			t.Fatalf("%q is quoted as %s, whose last quote is escaped", text, quoted)
		}
	})
}
