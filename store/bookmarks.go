package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Bookmark is a question for a report that somebody saved under a name, for the whole
// team.
type Bookmark struct {
	ID        string
	Name      string // as it was given, with single spaces; see NameKey
	Report    string // which report
	Query     string // of its address, as url.Values encode it
	View      string // what only the page knows of it, likewise
	Note      string // what it is for
	Version   int64  // 1 for a new one, grows with every change
	CreatedBy string
	CreatedAt time.Time
	By        string // who changed it last
	At        time.Time
}

// MaxBookmarks bounds how many are kept.
const MaxBookmarks = 500

// MaxBookmarkChanges bounds a page of changes.
const MaxBookmarkChanges = 500

var (
	// ErrNameTaken says that another bookmark has the name: choose another one.
	ErrNameTaken = errors.New("the name is taken")
	// ErrTooMany says that as many are kept as may be: remove one first.
	ErrTooMany = errors.New("too many are kept")
)

// TidyName is a name without spaces around it and with single ones in it.
func TidyName(name string) string { return strings.Join(strings.Fields(name), " ") }

// NameKey is equal for names that people take for the same: spaces, capitals and small
// letters do not tell them apart.
func NameKey(name string) string { return strings.ToLower(TidyName(name)) }

// BookmarkChange is one change. The one that removed the bookmark has what it was.
type BookmarkChange struct {
	ID       int64
	Bookmark // of which CreatedBy and CreatedAt are empty
	Removed  bool
}

// BookmarkQuery asks for changes, the newest first. Zero fields do not narrow.
type BookmarkQuery struct {
	Bookmark string // its ID
	Before   int64  // only changes with a smaller ID
	Limit    int    // 1 to MaxBookmarkChanges; 0 means 100
}

// Bookmarks keeps bookmarks and who changed them. It is safe for concurrent use.
type Bookmarks interface {
	// AddBookmark stores a new one, of an ID that was never used, and returns it as
	// version 1. Errors: ErrNameTaken, together with the one that has the name;
	// ErrTooMany.
	AddBookmark(ctx context.Context, b Bookmark) (Bookmark, error)
	// ChangeBookmark replaces name, report, query, view and note of the bookmark that is
	// kept as b.Version, and returns it as it is kept now. Errors: ErrNotFound;
	// ErrConflict, together with the one that is kept; ErrNameTaken, together with the
	// one that has the name.
	ChangeBookmark(ctx context.Context, b Bookmark) (Bookmark, error)
	// RemoveBookmark removes the bookmark b.ID that is kept as b.Version; b.By did it at
	// b.At. Errors: ErrNotFound; ErrConflict, together with the one that is kept.
	RemoveBookmark(ctx context.Context, b Bookmark) (Bookmark, error)
	// FindBookmark errors: ErrNotFound.
	FindBookmark(ctx context.Context, id string) (Bookmark, error)
	// ListBookmarks returns all of them by their names.
	ListBookmarks(ctx context.Context) ([]Bookmark, error)
	// BookmarkChanges returns who changed what, also of bookmarks that are removed.
	// Errors: ErrInvalidQuery.
	BookmarkChanges(ctx context.Context, q BookmarkQuery) ([]BookmarkChange, error)
}
