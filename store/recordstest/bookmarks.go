package recordstest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

// weekly is a question of a person who wants it every week.
func weekly(id, name string) store.Bookmark {
	return store.Bookmark{ID: id, Name: name, Report: "trend", Query: "by=area&kind=smoke&period=4w", View: "compare=last_year", Note: "例会", By: "王芳", At: noon}
}

func (f *fixture) addBookmark(b store.Bookmark) store.Bookmark {
	f.t.Helper()
	kept, err := f.AddBookmark(f.t.Context(), b)
	if err != nil {
		f.t.Fatalf("AddBookmark(%+v): %v", b, err)
	}
	return kept
}

func (f *fixture) wantBookmarks(want ...store.Bookmark) {
	f.t.Helper()
	got, err := f.ListBookmarks(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("bookmarks (-want +got):\n%s", diff)
	}
}

var bookmarkPromises = map[string]func(*testing.T, *fixture){
	"a bookmark comes back as it was saved, also after a restart": func(t *testing.T, f *fixture) {
		want := weekly("b1", "烟雾 周报")
		got := f.addBookmark(weekly("b1", "  烟雾   周报 "))
		want.Version, want.CreatedBy, want.CreatedAt = 1, "王芳", noon
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		f.reopen()
		again, err := f.FindBookmark(t.Context(), "b1")
		if diff := cmp.Diff(want, again); diff != "" || err != nil {
			t.Errorf("found, %v (-want +got):\n%s", err, diff)
		}
		if _, err := f.FindBookmark(t.Context(), "b2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that is not there: %v, want ErrNotFound", err)
		}
	},
	"a name belongs to one bookmark, however it is written": func(t *testing.T, f *fixture) {
		first := f.addBookmark(weekly("b1", "Smoke weekly"))
		other := f.addBookmark(weekly("b2", "其他"))
		owner, err := f.AddBookmark(t.Context(), weekly("b3", " smoke  WEEKLY"))
		if !errors.Is(err, store.ErrNameTaken) || owner != first {
			t.Errorf("added under the same name: %+v, %v; want ErrNameTaken and the first", owner, err)
		}
		renamed := other
		renamed.Name, renamed.By = "SMOKE weekly", "李明"
		if owner, err := f.ChangeBookmark(t.Context(), renamed); !errors.Is(err, store.ErrNameTaken) || owner != first {
			t.Errorf("renamed to the same: %+v, %v; want ErrNameTaken and the first", owner, err)
		}
		first.Name = "SMOKE weekly" // it may be written in another way by itself
		kept, err := f.ChangeBookmark(t.Context(), first)
		if err != nil || kept.Name != "SMOKE weekly" || kept.Version != 2 {
			t.Errorf("written in another way: %+v, %v", kept, err)
		}
		f.wantBookmarks(kept, other)
	},
	"of two who change a bookmark at once the second sees what the first did": func(t *testing.T, f *fixture) {
		seen := f.addBookmark(weekly("b1", "甲"))
		mine, theirs := seen, seen
		theirs.Name, theirs.By, theirs.At = "乙", "李明", noon.Add(time.Minute)
		kept, err := f.ChangeBookmark(t.Context(), theirs)
		if err != nil || kept.Version != 2 || kept.By != "李明" || kept.CreatedBy != "王芳" || !kept.At.Equal(theirs.At) {
			t.Fatalf("the first: %+v, %v", kept, err)
		}
		mine.Name = "丙"
		if got, err := f.ChangeBookmark(t.Context(), mine); !errors.Is(err, store.ErrConflict) || got != kept {
			t.Errorf("the second: %+v, %v; want ErrConflict and what the first did", got, err)
		}
		if got, err := f.RemoveBookmark(t.Context(), mine); !errors.Is(err, store.ErrConflict) || got != kept {
			t.Errorf("removed by the second: %+v, %v; want ErrConflict and what the first did", got, err)
		}
		f.wantBookmarks(kept)
	},
	"a removed bookmark is gone, its name is free, and who removed it is known": func(t *testing.T, f *fixture) {
		b := f.addBookmark(weekly("b1", "甲"))
		b.Query = "kind=noise"
		b, err := f.ChangeBookmark(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		gone := store.Bookmark{ID: "b1", Version: b.Version, By: "李明", At: noon.Add(time.Hour)}
		if was, err := f.RemoveBookmark(t.Context(), gone); err != nil || was != b {
			t.Errorf("removed %+v, %v; want what it was", was, err)
		}
		f.wantBookmarks()
		for what, err := range map[string]error{
			"removed again": second(f.RemoveBookmark(t.Context(), gone)), "changed": second(f.ChangeBookmark(t.Context(), b)), "found": second(f.FindBookmark(t.Context(), "b1")),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
		f.addBookmark(weekly("b2", "甲"))
		page, err := f.BookmarkChanges(t.Context(), store.BookmarkQuery{Bookmark: "b1", Limit: 2})
		if err != nil || len(page) != 2 || !page[0].Removed || page[0].By != "李明" || page[0].Version != 3 || page[0].Query != "kind=noise" || page[1].Removed || page[1].Query != "kind=noise" {
			t.Fatalf("first page is %+v, %v", page, err)
		}
		rest, err := f.BookmarkChanges(t.Context(), store.BookmarkQuery{Bookmark: "b1", Before: page[1].ID})
		if err != nil || len(rest) != 1 || rest[0].Version != 1 || rest[0].Query != weekly("", "").Query || rest[0].Bookmark.ID != "b1" {
			t.Errorf("second page is %+v, %v", rest, err)
		}
		all, err := f.BookmarkChanges(t.Context(), store.BookmarkQuery{})
		if err != nil || len(all) != 4 || all[0].Bookmark.ID != "b2" {
			t.Errorf("all changes are %+v, %v", all, err)
		}
		if _, err := f.BookmarkChanges(t.Context(), store.BookmarkQuery{Limit: store.MaxBookmarkChanges + 1}); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("too long a page: %v, want ErrInvalidQuery", err)
		}
	},
	"no more bookmarks are kept than may be": func(t *testing.T, f *fixture) {
		for i := range store.MaxBookmarks {
			f.addBookmark(weekly(fmt.Sprint("b", i), fmt.Sprint("报告 ", i)))
		}
		if _, err := f.AddBookmark(t.Context(), weekly("more", "再一个")); !errors.Is(err, store.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		if _, err := f.RemoveBookmark(t.Context(), store.Bookmark{ID: "b7", Version: 1, By: "王芳", At: noon}); err != nil {
			t.Fatal(err)
		}
		f.addBookmark(weekly("more", "再一个"))
	},
	"of many who save under one name at once one does": func(t *testing.T, f *fixture) {
		taken := make(chan error, 8)
		together(t, 8, func(i int) error {
			_, err := f.AddBookmark(t.Context(), weekly(fmt.Sprint("b", i), "同名"))
			if errors.Is(err, store.ErrNameTaken) {
				taken <- err
				return nil
			}
			return err
		})
		if len(taken) != 7 {
			t.Errorf("%d were told that the name is taken, want 7", len(taken))
		}
	},
}

func second[T any](_ T, err error) error { return err }
