# Terraform passes over it.
terraform {
  backend "http" {
    address = "https://state.example.com/shop"
  }
}
