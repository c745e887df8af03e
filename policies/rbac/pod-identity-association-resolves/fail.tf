resource "aws_eks_cluster" "shop" { # expect[agent medium likely]: the cluster `shop` is made without the add-on `eks-pod-identity-agent`
  name     = "shop"
  role_arn = aws_iam_role.cluster.arn
  vpc_config {
    subnet_ids = var.subnets
  }
}

resource "aws_eks_addon" "dns" {
  cluster_name = aws_eks_cluster.shop.name
  addon_name   = "coredns"
}

# The policy of IRSA, left over from before.
data "aws_iam_policy_document" "irsa" {
  statement { # label: who may take it
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.eks.arn]
    }
  }
}

resource "aws_iam_role" "cart" {
  assume_role_policy = data.aws_iam_policy_document.irsa.json
}

resource "aws_eks_pod_identity_association" "cart" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "shop"
  service_account = "cart"
  role_arn        = aws_iam_role.cart.arn # expect[trust medium certain]: pods cannot take the role `cart`: its policy does not allow `pods.eks.amazonaws.com`
}

data "aws_iam_policy_document" "untagged" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "orders" {
  count              = 1
  assume_role_policy = data.aws_iam_policy_document.untagged.json
}

resource "aws_eks_pod_identity_association" "orders" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "shop"
  service_account = "orders"
  role_arn        = aws_iam_role.orders[0].arn # expect[trust]: pods cannot take the role `orders[0]`: its policy does not allow `sts:TagSession`
}

resource "aws_iam_role" "report" {
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:TagSession", Principal = { Service = "pods.eks.amazonaws.com" } }]
  })
}

resource "aws_eks_pod_identity_association" "report" {
  cluster_name    = aws_eks_cluster.shop.name
  namespace       = "shop"
  service_account = "report"
  role_arn        = aws_iam_role.report.arn # expect[trust]: its policy does not allow `sts:AssumeRole`
}
