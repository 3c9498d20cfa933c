package dashboard

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
)

// Person is who gives a command, as he calls himself: until there are accounts
// nobody proves it. A field of this type is read without the blanks around it, and
// what could not be told apart in a list later is refused: blanks alone, control
// characters, and those that turn the direction of the text around. Where a command
// needs a name, its field also says minLength; where it does not, "" is nobody.
type Person string

var _ huma.ResolverWithPath = (*Person)(nil)

// Resolve implements [huma.ResolverWithPath]: it tidies the name in place.
func (p *Person) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if *p == "" {
		return nil
	}
	tidy := strings.TrimSpace(string(*p))
	if fault := nameFault(tidy); fault != "" {
		return []error{&huma.ErrorDetail{Message: fault, Location: at.String(), Value: string(*p)}}
	}
	*p = Person(tidy)
	return nil
}

// nameFault says why text is no name of a person, "" when it may be one.
func nameFault(text string) string {
	seen := false
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), r == unicode.ReplacementChar:
			return fmt.Sprintf("%U is a control character", r)
		case unicode.Is(unicode.Bidi_Control, r):
			return fmt.Sprintf("%U turns the direction of the text around", r)
		case unicode.IsGraphic(r) && !unicode.IsSpace(r):
			seen = true
		}
	}
	if !seen {
		return "it has nothing that can be seen"
	}
	return ""
}
