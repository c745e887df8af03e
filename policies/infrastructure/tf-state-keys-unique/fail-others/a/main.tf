terraform {
  backend "azurerm" {
    storage_account_name = "shop"
    container_name       = "tfstate"
    key                  = "prod.tfstate"
  }
}
