package format2

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// vectors are what the second implementation made of docs/format-2.md (test/interop/format2.py).
type vectors struct {
	Offer    struct{ Bytes hexBytes }
	Skeleton struct{ Index, Digest hexBytes }
	Pages    []struct{ Signed, Digest hexBytes }
	Root     hexBytes
	Data     struct{ Body hexBytes }
	Marked   struct{ Body hexBytes }
	Sync     struct{ Signed hexBytes }
	Lacks    []struct {
		Blocks        int
		Members       []uint32
		Bytes, Digest hexBytes
	}
	Receipt  struct{ Signed hexBytes }
	Feedback struct{ Body hexBytes }
	Announce hexBytes
	Probe    hexBytes
	Beacon   hexBytes
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

const vectorFile = "../../test/interop/testdata/format2.json"

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile(vectorFile)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The file is what the second implementation makes today.
func TestVectorsAreOfTheSecondImplementation(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import cryptography").Run() != nil {
		t.Skip("needs python3 with its package cryptography")
	}
	for _, check := range [][]string{{"format2.py", "--check"}, {"read2.py"}} { // it reads what it wrote, too
		cmd := exec.Command(python, append([]string{"-B"}, check...)...)
		cmd.Dir = "../../test/interop"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v: %s", check, err, out)
		}
	}
}

// again says that a message of the vectors is read, and written as it was.
func again[T any](t *testing.T, b []byte, parse func([]byte) (T, error), write func([]byte, T) []byte) T {
	t.Helper()
	m, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := write(nil, m); !bytes.Equal(got, b) {
		t.Fatalf("written as\n% x, not\n% x", got, b)
	}
	return m
}

func TestVectorOfAnOffer(t *testing.T) {
	o := again(t, readVectors(t).Offer.Bytes, ParseOffer, AppendOffer)
	if o.Number != 11 || o.Floor != 9 || o.Transfer != 7 || o.SiteEpoch != 2 || o.RelayPort != 7443 || o.Pages != 8 ||
		o.GroupAddr.String() != "239.192.1.2:7441" || o.Source.String() != "10.0.0.1:40000" || o.Blocks != 14 ||
		o.Flags != OfferMulticast|OfferMACs || o.LifeSeconds != 3600 || o.Lag != 2 {
		t.Errorf("%+v", o)
	}
	if o.FirstPage() != 2 || o.FirstStream() != 10 {
		t.Errorf("pages from block %d, the stream from %d", o.FirstPage(), o.FirstStream())
	}
}

func TestVectorOfPages(t *testing.T) {
	v := readVectors(t)
	if got := SkeletonDigest(v.Skeleton.Index); !bytes.Equal(got[:], v.Skeleton.Digest) {
		t.Errorf("the skeleton's digest is %v", got)
	}
	var before protocol.Digest
	for i, x := range v.Pages {
		p := again(t, x.Signed, ParsePage, AppendPage)
		d := PageDigest(x.Signed)
		if int(p.Number) != i || p.Previous != before || !bytes.Equal(d[:], x.Digest) || p.Final != (i == len(v.Pages)-1) {
			t.Errorf("page %d: %+v, digest %v", i, p, d)
		}
		before = d
	}
	if got := Root(v.Pages[len(v.Pages)-1].Signed); !bytes.Equal(got[:], v.Root) {
		t.Errorf("the root is %v", got)
	}
}

func TestVectorOfPackets(t *testing.T) {
	v := readVectors(t)
	d, _, err := ParseData(v.Data.Body, false)
	if err != nil || d.Block != 12 || d.Index != 1 || d.Length != protocol.BlockSize || len(d.Symbol) != 1408 {
		t.Errorf("%+v, %v", d, err)
	}
	m, mac, err := ParseData(v.Marked.Body, true)
	if err != nil || !bytes.Equal(m.Symbol, d.Symbol) || mac.Slot != 300&255 {
		t.Errorf("%+v, slot %d, %v", m, mac.Slot, err)
	}
	if got := AppendMAC(wire.AppendData(nil, m), mac); !bytes.Equal(got, v.Marked.Body) {
		t.Error("data with a MAC is written otherwise")
	}
	s := again(t, v.Sync.Signed, ParseSync, func(b []byte, s Sync) []byte { return AppendSync(b, s, 1<<20) })
	if s.Flags != SyncStarved|SyncSolicit || s.Index != 5 || s.Pages != 3 || s.PageFront != 2 || len(s.Repairs) != 2 ||
		!slices.Equal(s.Lengths, []int{334, 434, 563}) || len(s.Gaps) != 2 || s.Gaps[0] != (Gap{110, 112}) {
		t.Errorf("%+v", s)
	}
	f := again(t, v.Feedback.Body, ParseFeedback, AppendFeedback)
	if f.Pages != 3 || f.High != 241 || len(f.NACKs) != 1 {
		t.Errorf("%+v", f)
	}
	again(t, v.Beacon[:BeaconSigned], func(b []byte) (Beacon, error) {
		return ParseBeacon(append(slices.Clone(b), make([]byte, 64)...))
	}, AppendBeacon)
}

func TestVectorOfAReceipt(t *testing.T) {
	x := again(t, readVectors(t).Receipt.Signed, ParseReceipt, AppendReceipt)
	if x.Outcome != OutcomeVerified || x.Path != PathRelay || x.Void != 1 || x.Beside != 1 || x.Entries != 7 ||
		x.Edition != 1 {
		t.Errorf("%+v", x)
	}
}

func TestVectorOfLacks(t *testing.T) {
	for _, x := range readVectors(t).Lacks {
		set := protocol.NewBlockSet(x.Blocks)
		for _, b := range x.Members {
			set.Add(protocol.BlockNumber(b))
		}
		got := AppendLacks(nil, set)
		if !bytes.Equal(got, x.Bytes) {
			t.Errorf("%d of %d blocks are written as % x, not % x", set.Count(), x.Blocks, got, x.Bytes)
		}
		if d := LacksDigest(got); !bytes.Equal(d[:], x.Digest) {
			t.Errorf("their digest is %v", d)
		}
		back, err := ParseLacks(x.Bytes, x.Blocks)
		if err != nil || !slices.Equal(back.Members(), set.Members()) {
			t.Errorf("%d of %d blocks are read as %v, %v", set.Count(), x.Blocks, back, err)
		}
	}
}
