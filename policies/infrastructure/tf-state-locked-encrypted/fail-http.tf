terraform {
  backend "http" { # expect[no-lock-address low certain]: the backend `http` has no `lock_address`
    address = "https://state.example.com/shop"
  }
}
