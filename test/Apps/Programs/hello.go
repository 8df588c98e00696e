package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
)

func main() {
	words := strings.Fields("goroutines run on threads of a machine of their own")
	lengths := make([]int, len(words))
	var group sync.WaitGroup
	for i, word := range words {
		group.Add(1)
		go func(i int, word string) {
			defer group.Done()
			lengths[i] = len(word)
		}(i, word)
	}
	group.Wait()
	sort.Ints(lengths)
	fmt.Println(lengths, os.Args[1:])
	defer func() {
		fmt.Println("recovered:", recover())
		os.Exit(5)
	}()
	var none []int
	fmt.Println(none[len(os.Args)])
}
