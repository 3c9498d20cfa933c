package live

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/urbangrid/urbangrid/grid"
)

// Table gives cells the small numbers that frames carry in their place. It
// never changes: other cells make another table with another hash.
type Table struct {
	Hash       string      // 32 hexadecimal digits, made from Resolution and Cells
	Resolution int         // of every cell
	Cells      []grid.Cell // ascending
}

func newTable(resolution int, cells []grid.Cell) *Table {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(resolution))
	h.Write(b[:])
	for _, c := range cells {
		binary.BigEndian.PutUint64(b[:], uint64(c))
		h.Write(b[:])
	}
	return &Table{Hash: hex.EncodeToString(h.Sum(nil)[:16]), Resolution: resolution, Cells: cells}
}

// index returns the number of c, -1 when c is not in the table.
func (t *Table) index(c grid.Cell) int32 {
	i, ok := slices.BinarySearch(t.Cells, c)
	if !ok {
		return -1
	}
	return int32(i)
}

// retiredTables is how many tables that no topic uses any more are kept for
// browsers that were told of them a moment ago.
const retiredTables = 256

// tableSet holds the tables that a browser may ask for. It is safe for
// concurrent use.
type tableSet struct {
	mu      sync.Mutex // guards all below
	byHash  map[string]*tableUse
	retired []string // hashes, oldest first
}

type tableUse struct {
	table *Table
	users int
}

func newTableSet() *tableSet { return &tableSet{byHash: make(map[string]*tableUse)} }

// adopt enters a table that a topic goes by from now on and returns the one to
// use: tables of the same content are kept once.
func (s *tableSet) adopt(next *Table) *Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byHash[next.Hash]
	if u == nil {
		u = &tableUse{table: next}
		s.byHash[next.Hash] = u
	}
	u.users++
	return u.table
}

// release says that a topic no longer goes by a table that it adopted.
func (s *tableSet) release(t *Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byHash[t.Hash]
	u.users--
	if u.users > 0 {
		return
	}
	s.retired = append(s.retired, t.Hash)
	for len(s.retired) > retiredTables {
		first := s.retired[0]
		s.retired = s.retired[1:]
		if f := s.byHash[first]; f != nil && f.users == 0 && !slices.Contains(s.retired, first) {
			delete(s.byHash, first)
		}
	}
}

func (s *tableSet) find(hash string) (*Table, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byHash[hash]
	if u == nil {
		return nil, false
	}
	return u.table, true
}
