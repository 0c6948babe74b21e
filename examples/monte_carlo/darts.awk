# A thousand darts; how many of them are within the circle.
BEGIN {
    srand(seed)
    for (dart = 0; dart < 1000; dart++) {
        x = rand()
        y = rand()
        if (x * x + y * y <= 1) within++
    }
    print within
}
