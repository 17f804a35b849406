package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"strings"
)

// Size of the picture, in pixels.
const (
	panelWidth  = 900
	panelHeight = 110
	margin      = 24 // above each panel, for its name
	glyph       = 2  // pixels for each of a letter
)

var (
	paper = color.RGBA{255, 255, 255, 255}
	ink   = color.RGBA{30, 30, 30, 255}
	frame = color.RGBA{225, 225, 225, 255}
	curve = color.RGBA{0, 90, 180, 255}
)

// writePNG draws all series below each other, each from zero to its greatest
// number.
func (r *report) writePNG(path string) error {
	img := image.NewRGBA(image.Rect(0, 0, panelWidth, len(r.series)*(panelHeight+margin)))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for i, s := range r.series {
		top := i*(panelHeight+margin) + margin
		fill(img, image.Rect(0, top, panelWidth, top+panelHeight), frame)
		fill(img, image.Rect(1, top+1, panelWidth-1, top+panelHeight-1), paper)
		least, most := s.bounds()
		text(img, 4, top-margin+8, fmt.Sprintf("%s: %.1f to %.1f %s", s.name, least, most, s.unit))
		plot(img, top, s.columns(panelWidth-2), most)
	}
	if n := len(r.at); n > 0 {
		text(img, panelWidth-120, 8, fmt.Sprintf("%.0f s", r.at[n-1]))
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// plot draws a curve in the panel below top, over its whole width.
func plot(img *image.RGBA, top int, columns []float64, most float64) {
	if most <= 0 {
		return
	}
	last := -1
	for x := 1; x < panelWidth-1; x++ {
		v := columns[(x-1)*len(columns)/(panelWidth-2)]
		if math.IsNaN(v) {
			continue
		}
		y := top + panelHeight - 2 - int(v/most*(panelHeight-4))
		if last < 0 {
			last = y
		}
		fill(img, image.Rect(x, min(y, last), x+1, max(y, last)+2), curve)
		last = y
	}
}

func fill(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			img.SetRGBA(x, y, c)
		}
	}
}

// font has letters of 3 by 5 pixels, each as five rows of three bits.
var font = map[rune]string{
	'A': "25755", 'B': "65656", 'C': "34443", 'D': "65556", 'E': "74647", 'F': "74644", 'G': "34553", 'H': "55755",
	'I': "72227", 'J': "11152", 'K': "55655", 'L': "44447", 'M': "57755", 'N': "65555", 'O': "25552", 'P': "65644",
	'Q': "25573", 'R': "65655", 'S': "34216", 'T': "72222", 'U': "55557", 'V': "55552", 'W': "55775", 'X': "55255",
	'Y': "55222", 'Z': "71247", '0': "75557", '1': "26227", '2': "71747", '3': "71717", '4': "55711", '5': "74717",
	'6': "74757", '7': "71122", '8': "75757", '9': "75717", '.': "00002", ':': "02020", '%': "51245", '\'': "22000",
}

// text writes in capitals; what the font lacks is a blank.
func text(img *image.RGBA, x, y int, s string) {
	for _, r := range strings.ToUpper(s) {
		for row, bits := range font[r] {
			for bit := range 3 {
				if (bits-'0')>>(2-bit)&1 == 1 {
					at := image.Pt(x+bit*glyph, y+row*glyph)
					fill(img, image.Rectangle{at, at.Add(image.Pt(glyph, glyph))}, ink)
				}
			}
		}
		x += 4 * glyph
	}
}
