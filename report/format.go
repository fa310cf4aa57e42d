package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// notMeasured stands where there is no number.
const notMeasured = "–"

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// percent prints a share as a percentage with one decimal.
func percent(x float64) string {
	if !finite(x) {
		return notMeasured
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// number prints with a fixed number of decimals and a true minus sign.
func number(x float64, decimals int) string {
	if !finite(x) {
		return notMeasured
	}
	text := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return strings.Replace(text, "-", "−", 1)
}

// significant prints three significant digits, which suits numbers of any size.
func significant(x float64) string {
	if x == 0 {
		return "0"
	}
	if !finite(x) {
		return notMeasured
	}
	if size := math.Abs(x); size < 1e-3 || size >= 1e5 {
		return strings.Replace(strconv.FormatFloat(x, 'e', 2, 64), "-", "−", -1)
	}
	return number(x, max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0))
}

// count prints an integer with its thousands apart.
func count(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// duration prints a time as people say it.
func duration(d time.Duration) string {
	if r := d.Round(time.Millisecond); r < time.Second {
		return fmt.Sprintf("%d ms", r.Milliseconds())
	}
	if r := d.Round(time.Second / 10); r < time.Minute {
		return fmt.Sprintf("%.1f s", r.Seconds())
	}
	if r := d.Round(time.Second); r < time.Hour {
		return fmt.Sprintf("%d min %d s", int(r.Minutes()), int(r.Seconds())%60)
	}
	r := d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", int(r.Hours()), int(r.Minutes())%60)
}

// toJSON prints a value for the page's script.
func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
